// Package integration tests the toolkit inside real routers, and with middleware,
// protocols and clients of others. It has only tests.
//
// The table in docs/integration.md names the test of each library, and
// docs/migration.md shows the code of migration_code_test.go.
package integration
