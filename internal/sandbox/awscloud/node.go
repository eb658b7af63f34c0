package awscloud

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// node is an XML element. The gateway builds its own answers from nodes and
// corrects moto's as nodes, since most of a corrected answer passes through untouched.
type node struct {
	name string
	attr []xml.Attr
	text string
	kids []*node
}

// el makes an element; nil children are left out.
func el(name string, kids ...*node) *node {
	n := &node{name: name}
	n.add(kids...)
	return n
}

// txt makes an element with text, or nil if there is no text: EC2 omits empty members.
func txt(name, text string) *node {
	if text == "" {
		return nil
	}
	return &node{name: name, text: text}
}

// boolean makes an element with true or false.
func boolean(name string, v bool) *node { return txt(name, fmt.Sprint(v)) }

// set makes EC2's form of a list: each element in an <item>.
func set[T any](name string, values []T, item func(T) []*node) *node {
	n := el(name)
	for _, v := range values {
		n.add(el("item", item(v)...))
	}
	return n
}

// texts makes EC2's form of a list of strings.
func texts(name string, values []string) *node {
	n := el(name)
	for _, v := range values {
		n.add(&node{name: "item", text: v})
	}
	return n
}

func (n *node) add(kids ...*node) {
	for _, k := range kids {
		if k != nil {
			n.kids = append(n.kids, k)
		}
	}
}

// child returns the first child of that name, or nil.
func (n *node) child(name string) *node {
	if n == nil {
		return nil
	}
	for _, k := range n.kids {
		if k.name == name {
			return k
		}
	}
	return nil
}

// at follows a path of child names, "instance/privateIpAddress"; nil if there is none.
func (n *node) at(path string) *node {
	for name := range strings.SplitSeq(path, "/") {
		n = n.child(name)
	}
	return n
}

// value returns the text at a path, or "".
func (n *node) value(path string) string {
	if n = n.at(path); n == nil {
		return ""
	}
	return n.text
}

// put sets the text of a child, added if missing.
func (n *node) put(name, text string) {
	if k := n.child(name); k != nil {
		k.text, k.kids = text, nil
		return
	}
	n.kids = append(n.kids, &node{name: name, text: text})
}

// replace puts k in the place of the child with its name, or at the end.
func (n *node) replace(k *node) {
	for i := range n.kids {
		if n.kids[i].name == k.name {
			n.kids[i] = k
			return
		}
	}
	n.kids = append(n.kids, k)
}

// exchange puts k in the place of the child of that name, or, if k is nil, removes it.
func (n *node) exchange(name string, k *node) {
	if k == nil {
		n.drop(func(kid *node) bool { return kid.name == name })
		return
	}
	n.replace(k)
}

// drop removes the children that the condition selects.
func (n *node) drop(condition func(*node) bool) {
	kept := n.kids[:0]
	for _, k := range n.kids {
		if !condition(k) {
			kept = append(kept, k)
		}
	}
	n.kids = kept
}

// all returns every descendant of that name, in document order, not looking inside a found one.
func (n *node) all(name string) []*node {
	if n == nil {
		return nil
	}
	var out []*node
	for _, k := range n.kids {
		if k.name == name {
			out = append(out, k)
		} else {
			out = append(out, k.all(name)...)
		}
	}
	return out
}

// items returns the elements of the list at a path, in EC2's (<item>) or the query protocol's (<member>) form.
func (n *node) items(path string) []*node {
	if n = n.at(path); n == nil {
		return nil
	}
	return n.kids
}

// parseXML reads a document. Text beside child elements is dropped: AWS has none but white space.
func parseXML(doc []byte) (*node, error) {
	decoder := xml.NewDecoder(bytes.NewReader(doc))
	var root *node
	var open []*node
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			n := &node{name: t.Name.Local, attr: t.Copy().Attr}
			if len(open) == 0 {
				root = n
			} else {
				parent := open[len(open)-1]
				parent.kids, parent.text = append(parent.kids, n), ""
			}
			open = append(open, n)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 && len(open[len(open)-1].kids) == 0 {
				open[len(open)-1].text += string(t)
			}
		}
	}
	if root == nil {
		return nil, errors.New("no XML element")
	}
	return root, nil
}

// bytes writes the document.
func (n *node) bytes() []byte {
	var b bytes.Buffer
	b.WriteString(xml.Header)
	n.write(&b)
	return b.Bytes()
}

func (n *node) write(b *bytes.Buffer) {
	b.WriteByte('<')
	b.WriteString(n.name)
	for _, a := range n.attr {
		if a.Name.Space != "" {
			continue // AWS answers carry no prefixed attribute that a client reads
		}
		b.WriteByte(' ')
		b.WriteString(a.Name.Local)
		b.WriteString(`="`)
		_ = xml.EscapeText(b, []byte(a.Value))
		b.WriteByte('"')
	}
	b.WriteByte('>')
	if len(n.kids) == 0 {
		_ = xml.EscapeText(b, []byte(n.text))
	}
	for _, k := range n.kids {
		k.write(b)
	}
	b.WriteString("</")
	b.WriteString(n.name)
	b.WriteByte('>')
}
