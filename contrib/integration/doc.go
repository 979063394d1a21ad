// Package integration tests the toolkit in real routers and beside other
// middleware. It has no code to import: each test is a recipe.
package integration
