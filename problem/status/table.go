package status

// catalogue has one row per status code, ascending. To add a code, add its row
// here, and its line to the snapshot of the registry in testdata.
//
// Reasons are those of the documented services. Other names of a code are in aliases.
// Descriptions are sent to clients, so they name a header field only if every response
// with the code has it.
var catalogue = [...]Info{
	// code, RFC, section, what it implies, reason phrase, description

	{100, 9110, "15.2.1", &empty, "Continue", "The server has received the first part of the request and waits for the rest of it."},
	{101, 9110, "15.2.2", &switching, "Switching Protocols", "The server switches to the protocol in the Upgrade field."},
	{102, 2518, "10.1", &empty, "Processing", "The server received the whole request and is still working on it. The final response follows."},
	{103, 8297, "2", &empty, "Early Hints", "The server sends header fields that the final response will probably have, so that the client can act on them early."},

	{200, 9110, "15.3.1", &plain, "OK", "The request succeeded. What the body means depends on the method."},
	{201, 9110, "15.3.2", &located, "Created", "The request succeeded and created at least one new resource."},
	{202, 9110, "15.3.3", &plain, "Accepted", "The server will process the request later. It may still fail."},
	{203, 9110, "15.3.4", &plain, "Non-Authoritative Information", "The request succeeded, but a proxy has changed the response of the origin server."},
	{204, 9110, "15.3.5", &empty, "No Content", "The request succeeded and the response has no body."},
	{205, 9110, "15.3.6", &empty, "Reset Content", "The request succeeded. The client should reset the form or view that it was sent from."},
	{206, 9110, "15.3.7", &partial, "Partial Content", "The response contains the requested parts of the resource."},
	{207, 4918, "11.1", &plain, "Multi-Status", "The response has a separate status for each of several resources."},
	{208, 5842, "7.1", &plain, "Already Reported", "The members of this DAV binding are listed earlier in the same multi-status response and not repeated here."},
	{226, 3229, "10.4.1", &manipulated, "IM Used", "The request succeeded. The body is the result of instance manipulations, such as the difference from an earlier version."},

	{300, 9110, "15.4.1", &keepsLocation, "Multiple Choices", "The resource is available in several forms. Request one of them."},
	{301, 9110, "15.4.2", &located, "Moved Permanently", "The resource has a new permanent address. Use it from now on."},
	{302, 9110, "15.4.3", &located, "Found", "The resource is temporarily at another address. Keep using the current one for later requests."},
	{303, 9110, "15.4.4", &located, "See Other", "The result of the request is at another address. Fetch it with GET."},
	{304, 9110, "15.4.5", &empty, "Not Modified", "The client's copy of the resource is still current, so it is not sent again."},
	{305, 9110, "15.4.6", &keepsLocation, "Use Proxy", "An obsolete code that made clients use a proxy. It was removed because a proxy in a response cannot be trusted."},
	{306, 9110, "15.4.7", &keepsLocation, "Unused", "A code of an early version of HTTP. It is reserved and has no meaning today."},
	{307, 9110, "15.4.8", &located, "Temporary Redirect", "The resource is temporarily at another address. Send the request there with the same method."},
	{308, 9110, "15.4.9", &located, "Permanent Redirect", "The resource has a new permanent address. Send the request there with the same method, and use that address from now on."},

	{400, 9110, "15.5.1", &plain, "Bad Request", "The server cannot process the request because it is malformed, badly framed or misleadingly routed. Correct it before sending it again."},
	{401, 9110, "15.5.2", &challenge, "Unauthorized", "The request carries no valid credentials for this resource. Authenticate and send it again."},
	{402, 9110, "15.5.3", &plain, "Payment Required", "The service requires a payment first."},
	{403, 9110, "15.5.4", &plain, "Forbidden", "The server refuses to carry out the request for this client."},
	{404, 9110, "15.5.5", &plain, "Not Found", "The server found nothing at this address, or will not disclose that it exists."},
	{405, 9110, "15.5.6", &methods, "Method Not Allowed", "The resource exists but does not support this method."},
	{406, 9110, "15.5.7", &plain, "Not Acceptable", "The resource has no form that the request accepts."},
	{407, 9110, "15.5.8", &proxyChallenge, "Proxy Authentication Required", "A proxy requires credentials. Authenticate to it and send the request again."},
	{408, 9110, "15.5.9", &temporary, "Request Timeout", "The server did not receive the whole request in time. It may be sent again."},
	{409, 9110, "15.5.10", &plain, "Conflict", "The request conflicts with the state of the resource. Resolve the conflict and send it again."},
	{410, 9110, "15.5.11", &plain, "Gone", "The resource was removed, probably permanently. Remove links to it."},
	{411, 9110, "15.5.12", &plain, "Length Required", "The server requires the length of the body in advance. Send the request again with a Content-Length."},
	{412, 9110, "15.5.13", &keepsValidators, "Precondition Failed", "A condition in the header of the request is false for the current state of the resource."},
	{413, 9110, "15.5.14", &plain, "Payload Too Large", "The body of the request is larger than the server accepts."},
	{414, 9110, "15.5.15", &plain, "URI Too Long", "The address in the request is too long for the server. Shorten it, or move data from it into the body."},
	{415, 9110, "15.5.16", &plain, "Unsupported Media Type", "The resource does not accept a body in this format for this method."},
	{416, 9110, "15.5.17", &unsatisfied, "Range Not Satisfiable", "No requested range lies within the resource, or the ranges are invalid or too many."},
	{417, 9110, "15.5.18", &plain, "Expectation Failed", "The server or a proxy cannot meet the expectation in the header of the request."},
	{418, 9110, "15.5.19", &plain, "I'm a teapot", "The code of an April Fools' joke. It is reserved, because software uses it, and has no standard meaning."},
	{421, 9110, "15.5.20", &plain, "Misdirected Request", "The request reached a server that does not serve this scheme and host. It may be sent again over another connection."},
	{422, 9110, "15.5.21", &plain, "Unprocessable Entity", "The format and the syntax of the body are right, but the instructions in it cannot be carried out."},
	{423, 4918, "11.3", &plain, "Locked", "The resource is locked."},
	{424, 4918, "11.4", &plain, "Failed Dependency", "The request was not carried out because another one, which it depends on, failed."},
	{425, 8470, "5.2", &temporary, "Too Early", "The server does not process this request as early data, because it could be a replay. Send it again after the TLS handshake."},
	{426, 9110, "15.5.22", &upgrade, "Upgrade Required", "The server refuses the request over this protocol. Switch to a protocol that it offers and send the request again."},
	{428, 6585, "3", &unstored, "Precondition Required", "The server accepts only conditional requests for this resource. Send the request again with a condition such as If-Match."},
	{429, 6585, "4", &unstoredTemporary, "Too Many Requests", "The client has sent too many requests. Wait before sending the next one."},
	{431, 6585, "5", &unstored, "Request Header Fields Too Large", "The header of the request, or one field of it, is larger than the server accepts. Make it smaller and send it again."},
	{451, 7725, "3", &legal, "Unavailable For Legal Reasons", "The server withholds the resource because of a legal demand."},

	{500, 9110, "15.6.1", &plain, "Internal Server Error", "The server met a condition it did not expect and could not fulfil the request."},
	{501, 9110, "15.6.2", &plain, "Not Implemented", "The server does not implement what the request requires."},
	{502, 9110, "15.6.3", &temporary, "Bad Gateway", "The server passed the request on to another server and received an invalid response from it."},
	{503, 9110, "15.6.4", &temporary, "Service Unavailable", "The server cannot handle requests at the moment because of overload or maintenance. Try again later."},
	{504, 9110, "15.6.5", &temporary, "Gateway Timeout", "The server passed the request on to another server and received no response from it in time."},
	{505, 9110, "15.6.6", &plain, "HTTP Version Not Supported", "The server does not speak the HTTP version of the request, or will not use it here."},
	{506, 2295, "8.1", &plain, "Variant Also Negotiates", "The server is misconfigured: content negotiation chose a variant that is itself negotiated."},
	{507, 4918, "11.5", &plain, "Insufficient Storage", "The server does not have enough storage to complete the request."},
	{508, 5842, "7.2", &plain, "Loop Detected", "The resources form an infinite loop, so the server could not process a request of infinite depth."},
	{510, 2774, "7", &plain, "Not Extended", "The request lacks an extension that the policy of this resource requires."},
	{511, 6585, "6", &unstored, "Network Authentication Required", "The client has to authenticate before it can use this network."},
}

// implied is what a status code implies for the response.
type implied struct {
	empty     bool     // the response has no body
	unstored  bool     // caches must not store the response
	temporary bool     // the same request may succeed later
	required  []string // header fields that the response must have
	expected  []string // header fields that the response should have
	kept      []string // header fields to keep when the body is replaced
}

// What the codes imply, according to the sections that the catalogue cites. Exceptions
// are storage (RFC 6585, sections 3 to 6), 226 (RFC 3229) and 451 (RFC 7725, section 4).
var (
	plain             = implied{}
	empty             = implied{empty: true}
	switching         = implied{empty: true, required: []string{"Upgrade"}}
	partial           = implied{required: []string{"Content-Range"}} // unless the body is multipart/byteranges
	manipulated       = implied{required: []string{"ETag", "IM"}}
	located           = implied{expected: []string{"Location"}, kept: []string{"Location"}}
	keepsLocation     = implied{kept: []string{"Location"}}
	keepsValidators   = implied{kept: []string{"ETag", "Last-Modified"}}
	challenge         = implied{required: []string{"WWW-Authenticate"}}
	proxyChallenge    = implied{required: []string{"Proxy-Authenticate"}}
	methods           = implied{required: []string{"Allow"}}
	upgrade           = implied{required: []string{"Upgrade"}}
	unsatisfied       = implied{expected: []string{"Content-Range"}, kept: []string{"Content-Range"}}
	legal             = implied{expected: []string{"Link"}}
	temporary         = implied{temporary: true}
	unstored          = implied{unstored: true}
	unstoredTemporary = implied{unstored: true, temporary: true}
)

// aliases are names of a code, other than its reason, in RFC 9110, net/http and earlier
// specifications.
var aliases = [...]struct {
	code int
	name string
}{
	{302, "Moved Temporarily"},               // RFC 1945, 9.3
	{306, "(Unused)"},                        // as the registry writes it
	{413, "Content Too Large"},               // RFC 9110, 15.5.14
	{413, "Request Entity Too Large"},        // net/http; RFC 2616, 10.4.14
	{414, "Request URI Too Long"},            // net/http
	{414, "Request-URI Too Long"},            // RFC 2616, 10.4.15
	{416, "Requested Range Not Satisfiable"}, // net/http; RFC 2616, 10.4.17
	{422, "Unprocessable Content"},           // RFC 9110, 15.5.21
}
