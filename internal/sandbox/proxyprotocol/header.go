// Package proxyprotocol writes the headers of PROXY protocol version 2 that a Network
// Load Balancer puts before a client's bytes.
package proxyprotocol

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
)

// Parts of the format, as HAProxy's specification of the protocol and AWS's description of
// its own extension number them.
const (
	signature = "\r\n\r\n\x00\r\nQUIT\n"

	commandLocal = 0x20 // version 2, a connection of the sender's own
	commandProxy = 0x21 // version 2, on behalf of a client
	familyTCP4   = 0x11

	typeCRC32C = 0x03
	typeNoop   = 0x04
	typeAWS    = 0xEA

	subtypeEndpointID = 0x01

	// bodyLength is the length in bytes of what follows the fixed part: a Network Load
	// Balancer pads all its headers to it, a health check's too.
	bodyLength = 84
)

// Header describes a connection that comes through a VPC endpoint.
type Header struct {
	// Source is the client, Destination the address that it asked for. Both are IPv4.
	Source, Destination netip.AddrPort
	// EndpointID is the VPC endpoint (vpce-…); "" leaves it out.
	EndpointID string
}

// Bytes returns the header.
func (h Header) Bytes() []byte {
	var body []byte
	source, destination := h.Source.Addr().As4(), h.Destination.Addr().As4()
	body = append(body, source[:]...)
	body = append(body, destination[:]...)
	body = binary.BigEndian.AppendUint16(body, h.Source.Port())
	body = binary.BigEndian.AppendUint16(body, h.Destination.Port())
	return seal(commandProxy, body, h.EndpointID)
}

// Local returns the header of a health check. As a Network Load Balancer's, it names the
// family TCP over IPv4 but holds no addresses: a receiver has to skip what it announces.
func Local() []byte { return seal(commandLocal, nil, "") }

// seal adds what is around the addresses: the fixed part, a checksum, the endpoint, padding.
func seal(command byte, addresses []byte, endpointID string) []byte {
	body := append([]byte{}, addresses...)
	body = appendField(body, typeCRC32C, make([]byte, crc32.Size))
	if endpointID != "" {
		body = appendField(body, typeAWS, append([]byte{subtypeEndpointID}, endpointID...))
	}
	if missing := bodyLength - len(body) - fieldHead; missing >= 0 {
		body = appendField(body, typeNoop, make([]byte, missing))
	}
	header := append([]byte(signature), command, familyTCP4)
	header = binary.BigEndian.AppendUint16(header, uint16(len(body)))
	checksum := len(header) + len(addresses) + fieldHead
	header = append(header, body...)
	// Over the whole header, with zeros where it goes.
	sum := crc32.Checksum(header, crc32.MakeTable(crc32.Castagnoli))
	binary.BigEndian.PutUint32(header[checksum:], sum)
	return header
}

// fieldHead is the length in bytes of a field's type and length.
const fieldHead = 3

func appendField(body []byte, kind byte, value []byte) []byte {
	body = append(body, kind)
	body = binary.BigEndian.AppendUint16(body, uint16(len(value)))
	return append(body, value...)
}
