// Command rejoindervet finds HTTP responses that are wrong before they are
// sent, in any program that uses net/http.
//
// It runs as a tool of go vet, and by itself, where -fix mends what it can:
//
//	go vet -vettool=$(which rejoindervet) ./...
//	rejoindervet -fix ./...
//
// Each check has a flag of its name, so that -plain=false switches plain off.
package main

import (
	"golang.org/x/tools/go/analysis/multichecker"

	"github.com/rejoinder-go/rejoinder/cmd/rejoindervet/analyzers"
)

func main() { multichecker.Main(analyzers.All()...) }
