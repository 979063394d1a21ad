package status

// catalogue has one row per status code, ascending. To add a code, add its row
// here, and its line to the snapshot of the registry in testdata.
//
// Reason phrases are those that the documented services give to their users.
// Other names that the same code goes by stand in aliases. Descriptions are sent
// to clients: they name a header field only where each response has it.
var catalogue = [...]Info{
	// code, RFC, section, what it implies, reason phrase, description

	{100, 9110, "15.2.1", &empty, "Continue", "The server has received the first part of the request and waits for the rest of it."},
	{101, 9110, "15.2.2", &switching, "Switching Protocols", "The server agrees to change protocols and goes on with the one that its Upgrade field names."},
	{102, 2518, "10.1", &empty, "Processing", "The server has the whole request and is still working on it. A final response follows."},
	{103, 8297, "2", &empty, "Early Hints", "The server sends header fields that the final response is likely to have, so that the client can start to prepare."},

	{200, 9110, "15.3.1", &plain, "OK", "The request succeeded. What the body means depends on the method."},
	{201, 9110, "15.3.2", &located, "Created", "The request succeeded and created at least one new resource."},
	{202, 9110, "15.3.3", &plain, "Accepted", "The request was taken in, but the work is not finished and might still be refused."},
	{203, 9110, "15.3.4", &plain, "Non-Authoritative Information", "The request succeeded, but a proxy changed the body on its way from the origin server."},
	{204, 9110, "15.3.5", &empty, "No Content", "The request succeeded and there is nothing further to send."},
	{205, 9110, "15.3.6", &empty, "Reset Content", "The request succeeded. The client should put the view it was sent from back to its first state."},
	{206, 9110, "15.3.7", &partial, "Partial Content", "The response carries those parts of the resource that the request has named."},
	{207, 4918, "11.1", &plain, "Multi-Status", "The response reports on several resources, each with a status of its own."},
	{208, 5842, "7.1", &plain, "Already Reported", "The members of this DAV binding were listed earlier in the same multi-status response and are not repeated."},
	{226, 3229, "10.4.1", &manipulated, "IM Used", "The request succeeded, and the body is the outcome of instance manipulations, such as a difference to an earlier version."},

	{300, 9110, "15.4.1", &keepsLocation, "Multiple Choices", "The resource is available in several forms. Choose one of them and request it."},
	{301, 9110, "15.4.2", &located, "Moved Permanently", "The resource has a new permanent address. Use that one from now on."},
	{302, 9110, "15.4.3", &located, "Found", "The resource is at another address for the time being. Keep using the present one for later requests."},
	{303, 9110, "15.4.4", &located, "See Other", "The outcome of this request is at another address. Fetch it from there with GET."},
	{304, 9110, "15.4.5", &empty, "Not Modified", "The condition of the request shows that the client's copy is still current, so it is not sent again."},
	{305, 9110, "15.4.6", &keepsLocation, "Use Proxy", "An outdated code that told clients to go through a proxy. It was dropped because naming one in a response is not safe."},
	{306, 9110, "15.4.7", &keepsLocation, "Unused", "A code of an early version of HTTP. It is reserved and has no meaning today."},
	{307, 9110, "15.4.8", &located, "Temporary Redirect", "The resource is at another address for the time being. Repeat the request there with the same method."},
	{308, 9110, "15.4.9", &located, "Permanent Redirect", "The resource has a new permanent address. Repeat the request there with the same method, and use that address from now on."},

	{400, 9110, "15.5.1", &plain, "Bad Request", "The server cannot process the request because it is malformed, badly framed or misleadingly routed. Correct it before sending it again."},
	{401, 9110, "15.5.2", &challenge, "Unauthorized", "The request carries no valid credentials for this resource. Authenticate and send it again."},
	{402, 9110, "15.5.3", &plain, "Payment Required", "The code is set aside for payments and has no standard meaning yet. The service expects a payment first."},
	{403, 9110, "15.5.4", &plain, "Forbidden", "The server understood the request and refuses to carry it out for this client."},
	{404, 9110, "15.5.5", &plain, "Not Found", "The server found nothing at this address, or will not disclose that it exists."},
	{405, 9110, "15.5.6", &methods, "Method Not Allowed", "The resource exists but does not support this method."},
	{406, 9110, "15.5.7", &plain, "Not Acceptable", "The resource has no form that the request accepts, and the server will not choose one itself."},
	{407, 9110, "15.5.8", &proxyChallenge, "Proxy Authentication Required", "A proxy on the way requires credentials. Authenticate to it and send the request again."},
	{408, 9110, "15.5.9", &temporary, "Request Timeout", "The request did not arrive completely within the time that the server waits. It may be sent again."},
	{409, 9110, "15.5.10", &plain, "Conflict", "The request conflicts with the present state of the resource. Resolve the conflict and send it again."},
	{410, 9110, "15.5.11", &plain, "Gone", "The resource was removed, most likely for good. Drop links to it."},
	{411, 9110, "15.5.12", &plain, "Length Required", "The server has to know the length of the body first. Send the request again with a Content-Length."},
	{412, 9110, "15.5.13", &keepsValidators, "Precondition Failed", "A condition in the header of the request does not hold for the present state of the resource."},
	{413, 9110, "15.5.14", &plain, "Payload Too Large", "The body of the request is larger than the server accepts."},
	{414, 9110, "15.5.15", &plain, "URI Too Long", "The address in the request is too long for the server. Shorten it, or move data from it into the body."},
	{415, 9110, "15.5.16", &plain, "Unsupported Media Type", "The resource does not accept a body in this format for this method."},
	{416, 9110, "15.5.17", &unsatisfied, "Range Not Satisfiable", "None of the requested ranges lies within the resource, or the set of ranges is invalid or excessive."},
	{417, 9110, "15.5.18", &plain, "Expectation Failed", "A server on the way cannot meet what the request expects of it."},
	{418, 9110, "15.5.19", &plain, "I'm a teapot", "A joke of an old April that software came to rely on. It is reserved and has no meaning of its own."},
	{421, 9110, "15.5.20", &plain, "Misdirected Request", "The request reached a server that does not respond for this scheme and host. It may be sent again over another connection."},
	{422, 9110, "15.5.21", &plain, "Unprocessable Entity", "The format and the syntax of the body are right, but the instructions in it cannot be carried out."},
	{423, 4918, "11.3", &plain, "Locked", "The resource that the method reads or writes is locked."},
	{424, 4918, "11.4", &plain, "Failed Dependency", "The action was not carried out because one that it relies on had failed."},
	{425, 8470, "5.2", &temporary, "Too Early", "The server does not process this request in early data, which could be a replay. Send it again after the handshake."},
	{426, 9110, "15.5.22", &upgrade, "Upgrade Required", "The server refuses the request over this protocol. Switch to one that it offers and send the request again."},
	{428, 6585, "3", &unstored, "Precondition Required", "The server accepts only conditional requests here. Send it again with a condition such as If-Match."},
	{429, 6585, "4", &unstoredTemporary, "Too Many Requests", "The client sent more requests than it may for now. Wait before sending the next one."},
	{431, 6585, "5", &unstored, "Request Header Fields Too Large", "The header of the request, or one field of it, is larger than the server accepts. Make it smaller and send it again."},
	{451, 7725, "3", &legal, "Unavailable For Legal Reasons", "The server withholds the resource because of a legal demand."},

	{500, 9110, "15.6.1", &plain, "Internal Server Error", "The server met a condition it did not expect and could not fulfil the request."},
	{501, 9110, "15.6.2", &plain, "Not Implemented", "The server does not have the function that the request needs."},
	{502, 9110, "15.6.3", &temporary, "Bad Gateway", "The server passed the request on to another server and received an invalid response from it."},
	{503, 9110, "15.6.4", &temporary, "Service Unavailable", "The server cannot handle requests at the moment because of overload or maintenance. Try again later."},
	{504, 9110, "15.6.5", &temporary, "Gateway Timeout", "The server passed the request on to another server and received no response from it in time."},
	{505, 9110, "15.6.6", &plain, "HTTP Version Not Supported", "The server does not speak the HTTP version of the request, or will not use it here."},
	{506, 2295, "8.1", &plain, "Variant Also Negotiates", "The variant that content negotiation chose negotiates again itself: the server is configured wrongly."},
	{507, 4918, "11.5", &plain, "Insufficient Storage", "The server has no room to store what it needs to complete the request."},
	{508, 5842, "7.2", &plain, "Loop Detected", "The server met an endless loop while it worked on a request of infinite depth, and gave the whole of it up."},
	{510, 2774, "7", &plain, "Not Extended", "The request lacks an extension that the policy for this resource demands."},
	{511, 6585, "6", &unstored, "Network Authentication Required", "The client has to authenticate before it may use this network."},
}

// implied is what a status says about the response around it.
type implied struct {
	empty     bool     // no body is allowed
	unstored  bool     // no cache may store it
	temporary bool     // the same request may succeed later as it is
	required  []string // header fields that the response must have
	expected  []string // header fields that the response should have
	kept      []string // header fields of the resource that stay though the body is replaced
}

// What the rows imply. RFC 9110 has it in the sections that the rows cite, but for
// storing (RFC 6585, sections 3 to 6), 226 (RFC 3229) and 451 (RFC 7725, section 4).
var (
	plain             = implied{}
	empty             = implied{empty: true}
	switching         = implied{empty: true, required: []string{"Upgrade"}}
	partial           = implied{required: []string{"Content-Range"}} // or a body of several parts, which has it
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

// aliases has the further names of a code: those of RFC 9110, of net/http and
// of specifications that came before, where they are not the reason itself.
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
