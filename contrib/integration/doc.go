// Package integration tests the toolkit in real routers and beside other
// middleware, protocols and clients. It has no code to import.
//
// The table in docs/integration.md names the test of each library, and
// docs/migration.md shows the code of migration_code_test.go.
package integration
