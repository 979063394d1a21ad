package problem_test

import (
	"encoding/xml"
	"fmt"

	"github.com/rejoinder-go/rejoinder/problem"
)

// A problem has the same members in XML as in JSON. An array has an <i> element for each
// item.
func ExampleDetails_AppendXML() {
	d := problem.New(403,
		problem.Detail("Your current balance is 30, but that costs 50."),
		problem.Extension("accounts", []string{"/account/12345", "/account/67890"}),
	)
	doc, err := d.AppendXML(nil)
	fmt.Printf("%s\n%v\n", doc, err)
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <problem xmlns="urn:ietf:rfc:7807"><type>about:blank</type><title>Forbidden</title><status>403</status><detail>Your current balance is 30, but that costs 50.</detail><accounts><i>/account/12345</i><i>/account/67890</i></accounts></problem>
	// <nil>
}

// A problem that was decoded from XML can be encoded as JSON. A number becomes a string,
// because XML does not distinguish them, but can be decoded into a Go number.
func ExampleDetails_UnmarshalXML() {
	var d problem.Details
	err := xml.Unmarshal([]byte(`
		<problem xmlns="urn:ietf:rfc:7807">
			<title>You do not have enough credit.</title>
			<balance>30</balance>
			<accounts><i>/account/12345</i></accounts>
		</problem>`), &d)
	doc, _ := d.AppendJSON(nil)
	fmt.Printf("%s\n%v\n", doc, err)

	var balance int
	err = d.Extension("balance", &balance)
	fmt.Println(balance, err)
	// Output:
	// {"type":"about:blank","title":"You do not have enough credit.","accounts":["/account/12345"],"balance":"30"}
	// <nil>
	// 30 <nil>
}
