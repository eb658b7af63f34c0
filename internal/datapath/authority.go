package datapath

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"sync"
	"time"
)

// validity is how long certificates hold, before and after their making.
const validity = 24 * time.Hour

// Authority is a certificate authority that certifies any name.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	roots       *x509.CertPool
}

// NewAuthority makes an authority with a key of its own.
func NewAuthority() (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "data path authority"},
		NotBefore: now.Add(-validity), NotAfter: now.Add(validity),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("making an authority: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	return &Authority{certificate: certificate, key: key, roots: roots}, nil
}

// Roots is what a client trusts that trusts this authority alone.
func (a *Authority) Roots() *x509.CertPool { return a.roots }

// ServerConfig is the TLS configuration of a server at an address, which is certified for
// whatever name it is asked for and, so that a client can tell whom it reached, for address.
func (a *Authority) ServerConfig(address netip.Addr) *tls.Config {
	var mu sync.Mutex
	made := map[string]*tls.Certificate{}
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			mu.Lock()
			defer mu.Unlock()
			if certificate, ok := made[hello.ServerName]; ok {
				return certificate, nil
			}
			certificate, err := a.certify(hello.ServerName, address)
			if err == nil {
				made[hello.ServerName] = certificate
			}
			return certificate, err
		},
	}
}

func (a *Authority) certify(name string, address netip.Addr) (*tls.Certificate, error) {
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "data path server"},
		NotBefore: now.Add(-validity), NotAfter: now.Add(validity),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{address.AsSlice()},
	}
	if name != "" {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &a.key.PublicKey, a.key)
	if err != nil {
		return nil, fmt.Errorf("certifying %q: %w", name, err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.key}, nil
}

// Reached is the address of the server at the other end of a connection, as its certificate
// says; the zero address before the handshake.
func Reached(conn *tls.Conn) netip.Addr {
	state := conn.ConnectionState()
	if len(state.PeerCertificates) == 0 || len(state.PeerCertificates[0].IPAddresses) == 0 {
		return netip.Addr{}
	}
	address, _ := netip.AddrFromSlice(state.PeerCertificates[0].IPAddresses[0])
	return address.Unmap()
}
