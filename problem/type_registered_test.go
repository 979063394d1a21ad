package problem_test

import (
	"encoding/csv"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rejoinder-go/rejoinder/problem"
)

func TestRegisteredTypesAgreeWithTheRegistry(t *testing.T) {
	f, err := os.Open("testdata/iana-http-problem-types.csv") // as last updated on 2026-06-26
	require.NoError(t, err)
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)

	ours := map[string]*problem.Type{}
	for _, typ := range []*problem.Type{
		problem.DateNotAcceptable, problem.ObliviousKeyNotAcceptable, problem.UnsupportedHashingAlgorithms,
		problem.InvalidDigestValues, problem.MismatchedDigestValues,
	} {
		ours[typ.URI] = typ
	}
	for _, row := range rows[1:] {
		uri, title, status := row[0], row[1], row[2]
		if uri == problem.BlankType {
			continue // no type of its own
		}
		typ := ours[uri]
		if assert.NotNil(t, typ, uri) {
			assert.Equal(t, title, typ.Title, uri)
			assert.Equal(t, status, strconv.Itoa(typ.Status), uri)
			assert.NotEmpty(t, typ.Doc, uri)
		}
		delete(ours, uri)
	}
	assert.Empty(t, ours, "types that are not in the registry")
}

func TestTypesOfDraftsAreThoseOfTheDrafts(t *testing.T) {
	for _, row := range []struct {
		typ    *problem.Type
		name   string
		status int
	}{
		{problem.QuotaExceeded, "quota-exceeded", 429},
		{problem.TemporaryReducedCapacity, "temporary-reduced-capacity", 503},
		{problem.AbnormalUsageDetected, "abnormal-usage-detected", 429},
		{problem.MismatchingUploadOffset, "mismatching-upload-offset", 409},
		{problem.CompletedUpload, "completed-upload", 400},
		{problem.InconsistentUploadLength, "inconsistent-upload-length", 400},
	} {
		assert.Equal(t, "https://iana.org/assignments/http-problem-types#"+row.name, row.typ.URI)
		assert.Equal(t, row.status, row.typ.Status)
		assert.NotEmpty(t, row.typ.Doc)
	}
}
