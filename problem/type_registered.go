package problem

// registered is the beginning of the URIs of all types in IANA's registry of
// problem types, which other types must not use (RFC 9457, section 4.2).
const registered = "https://iana.org/assignments/http-problem-types#"

// Types in IANA's registry of problem types, with their registered titles and
// status codes. The registry also has about:blank, see [BlankType].
var (
	// DateNotAcceptable means that the Date of a request is too old or too new
	// for a server that rejects replays (RFC 9458, section 6.5.2).
	DateNotAcceptable = Define(registered+"date", "Date Not Acceptable", 400,
		"The server does not accept a request with this Date, because it could be a replay of an earlier one. "+
			"Correct the clock, or use the Date of this response, and send the request again with the current date.")

	// ObliviousKeyNotAcceptable means that the gateway has no key to decrypt
	// the request with (RFC 9458, section 5.3).
	ObliviousKeyNotAcceptable = Define(registered+"ohttp-key", "Oblivious HTTP key configuration not acceptable", 400,
		"The request was encrypted with a key configuration that the gateway does not use or no longer uses. "+
			"Fetch the current configuration and send the request again with it.")
)

// Types in the registry for the digest header fields of RFC 9530. They are defined
// in draft-ietf-httpapi-digest-fields-problem-types-06, which is approved but not
// yet published as an RFC.
var (
	// UnsupportedHashingAlgorithms means that the server supports none of the
	// hashing algorithms of the digests that a request contains or requests.
	UnsupportedHashingAlgorithms = Define(registered+"digest-unsupported-algorithms", "Unsupported Hashing Algorithms", 400,
		"The server does not support the hashing algorithm of a digest in the request, or of a digest that it requests. Use another algorithm.",
		Member{"unsupported-algorithms", "The algorithms, and the header fields that name them.",
			[]any{map[string]any{"algorithm": "sha", "header": "Want-Repr-Digest"}}})

	// InvalidDigestValues means that a digest in the request is malformed.
	InvalidDigestValues = Define(registered+"digest-invalid-values", "Invalid Digest Values", 400,
		"A digest in the request is not a possible value of its algorithm: it has the wrong length, for example. Correct how it is computed or encoded.",
		Member{"invalid-digests", "The digests, and what is wrong with each.",
			[]any{map[string]any{"algorithm": "sha-512", "header": "Repr-Digest", "reason": "The digest is not 64 bytes long."}}})

	// MismatchedDigestValues means that a digest in the request differs from
	// that of the data that the server received.
	MismatchedDigestValues = Define(registered+"digest-mismatched-values", "Mismatched Digest Values", 400,
		"A digest in the request does not match the data that the server received. Either the data was changed in transit, or the digest is of other data. Send the request again.")
)

// Types of resumable uploads. They are defined in
// draft-ietf-httpbis-resumable-upload, which is in progress and asks IANA to
// register them.
var (
	// MismatchingUploadOffset means that a request does not append where the
	// upload ends. The response has the header field Upload-Offset.
	MismatchingUploadOffset = Define(registered+"mismatching-upload-offset", "Mismatching Upload Offset", 409,
		"The request does not append at the end of the upload. Continue from the expected offset.",
		Member{"expected-offset", "How many bytes the server has.", 12500000},
		Member{"provided-offset", "The offset in the request.", 25000000})

	// CompletedUpload means that a request appends to an upload that is
	// complete.
	CompletedUpload = Define(registered+"completed-upload", "Upload Is Completed", 400,
		"The upload is complete and cannot be changed.")

	// InconsistentUploadLength means that the requests of an upload state
	// different lengths.
	InconsistentUploadLength = Define(registered+"inconsistent-upload-length", "Inconsistent Upload Length Values", 400,
		"The requests of the upload, or the header fields of one request, state different lengths. Start the upload again with one length.")
)

// Types of rate limits. They are defined in draft-ietf-httpapi-ratelimit-headers,
// which asks IANA to register them. The draft expired after version 11 without a
// successor.
var (
	// QuotaExceeded means that the client has used up its quota.
	QuotaExceeded = Define(registered+"quota-exceeded", "Quota Exceeded", 429,
		"The client has used up a quota. Wait for as long as the Retry-After field says.", violatedPolicies)

	// TemporaryReducedCapacity means that the server can serve less than usual.
	TemporaryReducedCapacity = Define(registered+"temporary-reduced-capacity", "Temporary Reduced Capacity", 503,
		"The service can handle fewer requests than usual for now. Wait for as long as the Retry-After field says.", violatedPolicies)

	// AbnormalUsageDetected means that the server considers the requests of the
	// client abusive.
	AbnormalUsageDetected = Define(registered+"abnormal-usage-detected", "Abnormal Usage Detected", 429,
		"The pattern of requests looks like abuse. Slow down, and ask the operator if it continues.", violatedPolicies)
)

var violatedPolicies = Member{"violated-policies", "The names of the policies that were exceeded.", []string{"hourly"}}

// registeredTypes lists the types above.
var registeredTypes = [...]*Type{
	DateNotAcceptable, ObliviousKeyNotAcceptable,
	UnsupportedHashingAlgorithms, InvalidDigestValues, MismatchedDigestValues,
	MismatchingUploadOffset, CompletedUpload, InconsistentUploadLength,
	QuotaExceeded, TemporaryReducedCapacity, AbnormalUsageDetected,
}
