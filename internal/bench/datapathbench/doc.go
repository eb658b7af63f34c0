// Package datapathbench measures what a proxy costs between a client and the upstream, and what it loses when something
// changes. All of it is on loopback, in one run, in turns.
//
// # Contenders
//
//   - direct: the client connects to the upstream itself;
//   - ours: HAProxy with what modules/haproxy-config renders, but for addresses, ports and paths. What a client says first
//     begins with a PROXY header with an endpoint id, as a Network Load Balancer puts it there;
//   - the blog's: the same HAProxy as the blog sets it up (see plainConfiguration): any name is let through to one server, whose
//     name is looked up when the process starts, and a change needs a restart;
//   - nginx: the stream module with SNI preread, a map of names, a resolver, and the same PROXY header. Where nginx cannot be had,
//     its rows have nobody to compare with.
//
// All run as many threads or processes as there are processors, and write a log line a connection to a file. "Theirs" of a row
// is the blog's, unless its name ends in _nginx or _direct, or it says direct below.
//
// # Speed
//
// Client and upstream share the processors with the proxy, so a rate is the inverse of all the time that is spent, and the
// proxy's share of it is noted beside. To keep that share high, handshakes are resumed sessions of TLS 1.2, which need no
// public-key cryptography, and after the handshake and one byte each way through TLS, questions and answers go
// unencrypted: a proxy that passes TLS on does the same with either.
//
//   - rps_1k, rps_100k: answers of 1 KiB and 100 KiB a second, on 32 kept connections, each with one question at a time;
//   - tls_conn_rate: connections a second, each opened, shaken hands on, used for one byte each way, and closed;
//   - cpu_per_gb, cpu_per_conn_ms: the proxy's own processor time while that is measured, by 10^9 bytes of answers and by
//     connections: the difference between two proxies without what client and upstream take;
//   - p50_ms, p99_ms: how long after it was due a question was answered, with as many questions a second as are half of our
//     rps_1k, sent whether answers come or not. Theirs is direct, _blog the blog's;
//   - p99_added_ms: ours less direct's of the same round. Direct adds nothing to itself, so theirs is 0 and there is no ratio;
//     _blog and _nginx have what these add;
//   - p50_quarter_ms and so on: the same at half of that rate. Client, proxy and upstream share the processors, and near the knee of
//     the three together an answer waits for its turn on one of them, not for the proxy;
//   - rss_per_1k_conns: what the resident memory of a fresh proxy grows by with 1,000 open connections. The kernel's own
//     memory for them is not in it.
//
// # Failures
//
// Twelve clients open a connection, ask five questions in 25 ms, close it, and so on; four more keep theirs. A failure
// is a connection that could not be opened (tried again after 20 ms) or that ended in use. So a count depends on these numbers; that
// it is 0 does not.
//
//   - failed_over_reloads: 20 reloads. The blog's is restarted, as `systemctl restart` does it, since nothing in the blog speaks of
//     reloading;
//   - failed_over_dns_changes: the upstream's name gets another address five times. Both serve for 6 s, then the old one refuses
//     new connections. Ours and nginx have to see it by themselves; the blog's is restarted one second later;
//   - the same with _sigusr2: theirs is the blog's in master-worker mode, reloaded by a signal as the distributions' unit would, if somebody
//     thought of it.
package datapathbench
