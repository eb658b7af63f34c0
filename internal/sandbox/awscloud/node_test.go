package awscloud

import "testing"

func TestXMLSurvivesReadingAndWriting(t *testing.T) {
	const doc = `<A xmlns="urn:x"><b>1 &lt; 2 &amp; &#34;q&#34;</b><c></c><set><item><k>v</k></item><item><k>w</k></item></set></A>`
	root, err := parseXML([]byte("<?xml version=\"1.0\"?>\n" + doc))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(root.bytes()); got != "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"+doc {
		t.Errorf("wrote %s", got)
	}
	if root.value("b") != `1 < 2 & "q"` || root.value("set/item/k") != "v" || root.at("x/y") != nil || len(root.all("k")) != 2 {
		t.Errorf("read %+v", root)
	}
	for _, bad := range []string{"", "text", "<a><b></a>"} {
		if _, err := parseXML([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}
