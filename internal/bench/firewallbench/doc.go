// Package firewallbench measures the firewall of an Azure AI account and the approval of private endpoints.
//
// # Entries
//
// Real Terraform with the built provider adds entries to an account of the sandbox's Azure, where every call takes 50 ms
// on top, beside azurerm_cognitive_account with network_acls inline. The two do not do the same: azurerm makes and owns
// the account with its whole list, ours writes its own entries beside whoever owns the account. What is compared is the
// step that both have, an update of an applied configuration whose firewall lists nothing and denies all: fw_addN is one
// `terraform apply` that adds N entries (100 are all that Azure allows), fw_plan one `terraform plan` without a change
// with 100. Both sides take turns in rounds; medians count, and the spread is noted.
//
// A call counts when it is about the account: its ARM id or a path under it, and the polls of the operation that a write
// began, in whichever phase of the command. Tokens, OIDC discovery, the metadata document and whatever a provider asks of
// the subscription do not count; they are listed beside. _wall is from Terraform's start to its end, with the start of the
// plugin, Azure's own 150 ms for a write, and the second that Azure asks to wait before a poll.
//
// # Contest
//
// Eight writers change one account in rounds: seven of one side, each with an entry of its own that it replaces every
// round, and a foreign one that adds an entry every round at the worst moment for it: when the seven have all read, and
// before the first of them writes. Ours are seven Terraforms at once; theirs are seven writers that read, change the list,
// and write it back.
//
//   - fw_lost_foreign: foreign entries, one written each round and one that was there, that a write of the side took out;
//   - fw_missing_own: over all rounds, writers of the side whose own entry was not listed when all had ended well.
//
// These are with an Azure that ignores If-Match, where nobody can promise anything of others' entries: the window is from
// the read to the write. With _if_match at the end of their names, Azure refuses a stale If-Match, which plain writers do
// not send.
//
// # Approval
//
// The resource's own waiting runs in virtual time against the two clouds of package approvaltest.
//
//   - approval_overhead_s: the mean time from the endpoint's being visible until ESTABLISHED is seen, less the clouds' own
//     delays, over endpoints that are there, in the making, and of rules that are added meanwhile;
//   - approval_calls_10min: the most calls of ten minutes of waiting for the rule, the endpoint, AWS, or ESTABLISHED.
//
// Theirs is the polling of the scripts that are published for this, every 10 s and without an end (they give up after 30
// polls and are started again), first for the endpoint, then for ESTABLISHED. The person who accepts between the two takes no time.
package firewallbench
