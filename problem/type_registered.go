package problem

// registered is where IANA's registry of problem types has its entries. URIs
// that begin so are for types in the registry (RFC 9457, section 4.2).
const registered = "https://iana.org/assignments/http-problem-types#"

// Types in IANA's registry, with the titles and the status codes they have
// there. Besides, it has about:blank: see [BlankType].
var (
	// DateNotAcceptable means that a request is too old, or too new, for a
	// server that asks for fresh ones (RFC 9458, section 6.5.2).
	DateNotAcceptable = Define(registered+"date", "Date Not Acceptable", 400,
		"The server does not take a request with this Date, because it could be a replay of an earlier one. "+
			"Set the clock right, or take the time from the Date field of this answer, and send the request again with the present date.")

	// ObliviousKeyNotAcceptable means that a gateway cannot decrypt a request
	// with any key that it has (RFC 9458, section 5.3).
	ObliviousKeyNotAcceptable = Define(registered+"ohttp-key", "Oblivious HTTP key configuration not acceptable", 400,
		"The request was encrypted with a key configuration that the gateway does not use, or no longer. "+
			"Fetch the present configuration and send the request again with it.")

	// UnsupportedHashingAlgorithms means that no digest of a request is one
	// that the server can check.
	UnsupportedHashingAlgorithms = Define(registered+"digest-unsupported-algorithms", "Unsupported Hashing Algorithms", 400,
		"The server does not support a hashing algorithm of the digests in the request, or of those that it asks for. Use another algorithm.")

	// InvalidDigestValues means that a digest of a request is malformed.
	InvalidDigestValues = Define(registered+"digest-invalid-values", "Invalid Digest Values", 400,
		"A digest in the request cannot be a value of the algorithm it is given for, as when it has the wrong length. Correct how it is computed and written.")

	// MismatchedDigestValues means that a digest of a request is not that of
	// what the server received.
	MismatchedDigestValues = Define(registered+"digest-mismatched-values", "Mismatched Digest Values", 400,
		"A digest in the request differs from that of what arrived, which was changed on its way or is not what the digest was made of. Send the request again.")
)

// Types of the draft on rate limit header fields for HTTP, which asks for their
// registration. Each may have the extension "violated-policies": the names of
// the policies that were exceeded.
var (
	// QuotaExceeded means that the client has used up its quota.
	QuotaExceeded = Define(registered+"quota-exceeded", "Quota Exceeded", 429,
		"The client used up a quota that it was granted. Wait for as long as the Retry-After field says.")

	// TemporaryReducedCapacity means that the server can serve less than usual.
	TemporaryReducedCapacity = Define(registered+"temporary-reduced-capacity", "Temporary Reduced Capacity", 503,
		"The service can handle fewer requests than usual for now. Wait for as long as the Retry-After field says.")

	// AbnormalUsageDetected means that the client behaves in a way that the
	// server takes for abuse.
	AbnormalUsageDetected = Define(registered+"abnormal-usage-detected", "Abnormal Usage Detected", 429,
		"The pattern of requests looks like abuse. Slow down, and ask the operator if it continues.")
)

// registeredTypes are all of these.
var registeredTypes = [...]*Type{
	DateNotAcceptable, ObliviousKeyNotAcceptable,
	UnsupportedHashingAlgorithms, InvalidDigestValues, MismatchedDigestValues,
	QuotaExceeded, TemporaryReducedCapacity, AbnormalUsageDetected,
}
