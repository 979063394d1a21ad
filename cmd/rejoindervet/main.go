// Command rejoindervet reports code that sends wrong HTTP responses, in any program that uses
// net/http.
//
// Run it with go vet, or by itself. The flag -fix applies the suggested fixes:
//
//	go vet -vettool=$(which rejoindervet) ./...
//	rejoindervet -fix ./...
//
// Each check has a flag with its name: -plain=false disables the check plain.
package main

import (
	"golang.org/x/tools/go/analysis/multichecker"

	"github.com/rejoinder-go/rejoinder/cmd/rejoindervet/analyzers"
)

func main() { multichecker.Main(analyzers.All()...) }
