package problem

// registered is where IANA's registry of problem types has its entries. URIs
// that begin so are for types in the registry (RFC 9457, section 4.2).
const registered = "https://iana.org/assignments/http-problem-types#"

// Types in IANA's registry, with the titles and the status codes they have
// there. Besides, it has about:blank: see [BlankType].
var (
	// DateNotAcceptable means that a request is too old, or too new, for a
	// server that requires fresh ones (RFC 9458, section 6.5.2).
	DateNotAcceptable = Define(registered+"date", "Date Not Acceptable", 400,
		"The server does not accept a request with this Date, because it could be a replay of an earlier one. "+
			"Set the clock right, or take the time from the Date field of this response, and send the request again with the present date.")

	// ObliviousKeyNotAcceptable means that a gateway cannot decrypt a request
	// with any key that it has (RFC 9458, section 5.3).
	ObliviousKeyNotAcceptable = Define(registered+"ohttp-key", "Oblivious HTTP key configuration not acceptable", 400,
		"The request was encrypted with a key configuration that the gateway does not use, or no longer. "+
			"Fetch the present configuration and send the request again with it.")
)

// Types in the registry for the digest fields of RFC 9530. Their document,
// draft-ietf-httpapi-digest-fields-problem-types-06, is approved and waits to be
// published as an RFC.
var (
	// UnsupportedHashingAlgorithms means that no digest of a request is one
	// that the server can check.
	UnsupportedHashingAlgorithms = Define(registered+"digest-unsupported-algorithms", "Unsupported Hashing Algorithms", 400,
		"The server does not support a hashing algorithm of the digests in the request, or of those that it requests. Use another algorithm.",
		Member{"unsupported-algorithms", "The algorithms, and the header fields that name them.",
			[]any{map[string]any{"algorithm": "sha", "header": "Want-Repr-Digest"}}})

	// InvalidDigestValues means that a digest of a request is malformed.
	InvalidDigestValues = Define(registered+"digest-invalid-values", "Invalid Digest Values", 400,
		"A digest in the request cannot be a value of the algorithm it is given for, as when it has the wrong length. Correct how it is computed and written.",
		Member{"invalid-digests", "The digests, and what is wrong with each.",
			[]any{map[string]any{"algorithm": "sha-512", "header": "Repr-Digest", "reason": "The digest is not 64 bytes long."}}})

	// MismatchedDigestValues means that a digest of a request is not that of
	// what the server received.
	MismatchedDigestValues = Define(registered+"digest-mismatched-values", "Mismatched Digest Values", 400,
		"A digest in the request differs from that of what arrived, which was changed on its way or is not what the digest was made of. Send the request again.")
)

// Types of resumable uploads. Their document, draft-ietf-httpbis-resumable-upload
// of the HTTP working group, is in progress and requests their registration.
var (
	// MismatchingUploadOffset means that an append to an upload does not begin
	// where the upload ends. Such a response has the header field Upload-Offset.
	MismatchingUploadOffset = Define(registered+"mismatching-upload-offset", "Mismatching Upload Offset", 409,
		"The request appends at another place than the upload has reached. Continue from the expected offset.",
		Member{"expected-offset", "How many bytes the server has.", 12500000},
		Member{"provided-offset", "The offset that the request gave.", 25000000})

	// CompletedUpload means that an upload cannot be appended to any more.
	CompletedUpload = Define(registered+"completed-upload", "Upload Is Completed", 400,
		"The upload is complete and cannot be changed.")

	// InconsistentUploadLength means that the requests of an upload give it
	// different lengths.
	InconsistentUploadLength = Define(registered+"inconsistent-upload-length", "Inconsistent Upload Length Values", 400,
		"The length of the upload differs between its requests, or between the fields of one. Start the upload again with one length.")
)

// Types of the draft on rate limit header fields for HTTP, which requests their
// registration: draft-ietf-httpapi-ratelimit-headers, expired after -11 without a
// successor.
var (
	// QuotaExceeded means that the client has used up its quota.
	QuotaExceeded = Define(registered+"quota-exceeded", "Quota Exceeded", 429,
		"The client used up a quota that it was granted. Wait for as long as the Retry-After field says.", violatedPolicies)

	// TemporaryReducedCapacity means that the server can serve less than usual.
	TemporaryReducedCapacity = Define(registered+"temporary-reduced-capacity", "Temporary Reduced Capacity", 503,
		"The service can handle fewer requests than usual for now. Wait for as long as the Retry-After field says.", violatedPolicies)

	// AbnormalUsageDetected means that the client behaves in a way that the
	// server takes for abuse.
	AbnormalUsageDetected = Define(registered+"abnormal-usage-detected", "Abnormal Usage Detected", 429,
		"The pattern of requests looks like abuse. Slow down, and ask the operator if it continues.", violatedPolicies)
)

var violatedPolicies = Member{"violated-policies", "The names of the policies that were exceeded.", []string{"hourly"}}

// registeredTypes are all of these.
var registeredTypes = [...]*Type{
	DateNotAcceptable, ObliviousKeyNotAcceptable,
	UnsupportedHashingAlgorithms, InvalidDigestValues, MismatchedDigestValues,
	MismatchingUploadOffset, CompletedUpload, InconsistentUploadLength,
	QuotaExceeded, TemporaryReducedCapacity, AbnormalUsageDetected,
}
