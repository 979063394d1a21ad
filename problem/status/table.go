package status

// catalogue has one row per status code, ascending. To add a code, add its row
// here, and its line to the snapshot of the registry in testdata.
//
// Reason phrases are those that the documented services give to their users.
// Other names that the same code goes by stand in aliases.
var catalogue = [...]Info{
	// code, RFC, section, reason phrase, description

	{100, 9110, "15.2.1", "Continue", "The server has received the first part of the request and asks for the rest of it."},
	{101, 9110, "15.2.2", "Switching Protocols", "The server agrees to change protocols and goes on with the one that its Upgrade field names."},
	{102, 2518, "10.1", "Processing", "The server has the whole request and is still working on it. A final answer follows."},
	{103, 8297, "2", "Early Hints", "The server sends header fields that the final answer is likely to have, so that the client can start to prepare."},

	{200, 9110, "15.3.1", "OK", "The request succeeded. What the content means depends on the method."},
	{201, 9110, "15.3.2", "Created", "The request succeeded and created at least one new resource."},
	{202, 9110, "15.3.3", "Accepted", "The request was taken in, but the work is not finished and might still be refused."},
	{203, 9110, "15.3.4", "Non-Authoritative Information", "The request succeeded, but a proxy changed the content on its way from the origin server."},
	{204, 9110, "15.3.5", "No Content", "The request succeeded and there is nothing further to send."},
	{205, 9110, "15.3.6", "Reset Content", "The request succeeded. The client should put the view it was sent from back to its first state."},
	{206, 9110, "15.3.7", "Partial Content", "The answer carries those parts of the content that the Range field asked for."},
	{207, 4918, "11.1", "Multi-Status", "The answer reports on several resources, each with a status of its own."},
	{208, 5842, "7.1", "Already Reported", "The members of this DAV binding were listed earlier in the same multi-status answer and are not repeated."},
	{226, 3229, "10.4.1", "IM Used", "The request succeeded, and the content is the outcome of instance manipulations, such as a difference to an earlier version."},

	{300, 9110, "15.4.1", "Multiple Choices", "The resource is available in several forms. Choose one of them and ask for it."},
	{301, 9110, "15.4.2", "Moved Permanently", "The resource has a new permanent address. Use that one from now on."},
	{302, 9110, "15.4.3", "Found", "The resource is at another address for the time being. Keep using the present one for later requests."},
	{303, 9110, "15.4.4", "See Other", "The answer to this request is at the address in the Location field. Fetch it with GET."},
	{304, 9110, "15.4.5", "Not Modified", "The condition of the request shows that the client's copy is still current, so it is not sent again."},
	{305, 9110, "15.4.6", "Use Proxy", "An outdated code that told clients to go through a proxy. It was dropped because naming one in an answer is not safe."},
	{306, 9110, "15.4.7", "Unused", "A code of an early version of HTTP. It is reserved and has no meaning today."},
	{307, 9110, "15.4.8", "Temporary Redirect", "The resource is at another address for the time being. Repeat the request there with the same method."},
	{308, 9110, "15.4.9", "Permanent Redirect", "The resource has a new permanent address. Repeat the request there with the same method, and use that address from now on."},

	{400, 9110, "15.5.1", "Bad Request", "The server cannot process the request because it is malformed, badly framed or misleadingly routed. Correct it before sending it again."},
	{401, 9110, "15.5.2", "Unauthorized", "The request carries no valid credentials for this resource. Authenticate and send it again."},
	{402, 9110, "15.5.3", "Payment Required", "The code is set aside for payments and has no standard meaning yet. The service expects a payment first."},
	{403, 9110, "15.5.4", "Forbidden", "The server understood the request and refuses to carry it out for this client."},
	{404, 9110, "15.5.5", "Not Found", "The server has nothing at this address, or does not want to say that it has."},
	{405, 9110, "15.5.6", "Method Not Allowed", "The resource exists but does not support this method. The Allow field lists those that it does."},
	{406, 9110, "15.5.7", "Not Acceptable", "The resource has no form that fits the Accept fields of the request, and the server will not choose one itself."},
	{407, 9110, "15.5.8", "Proxy Authentication Required", "A proxy on the way asks for credentials. Authenticate to it and send the request again."},
	{408, 9110, "15.5.9", "Request Timeout", "The request did not arrive completely within the time that the server waits. It may be sent again."},
	{409, 9110, "15.5.10", "Conflict", "The request conflicts with the present state of the resource. Resolve the conflict and send it again."},
	{410, 9110, "15.5.11", "Gone", "The resource was removed, most likely for good. Drop links to it."},
	{411, 9110, "15.5.12", "Length Required", "The server wants to know the length of the content first. Send the request again with a Content-Length."},
	{412, 9110, "15.5.13", "Precondition Failed", "A condition in the header of the request does not hold for the present state of the resource."},
	{413, 9110, "15.5.14", "Payload Too Large", "The content of the request is larger than the server accepts."},
	{414, 9110, "15.5.15", "URI Too Long", "The address in the request is too long for the server. Shorten it, or move data from it into the content."},
	{415, 9110, "15.5.16", "Unsupported Media Type", "The resource does not accept content in this format for this method."},
	{416, 9110, "15.5.17", "Range Not Satisfiable", "None of the requested ranges lies within the content, or the set of ranges is invalid or excessive."},
	{417, 9110, "15.5.18", "Expectation Failed", "A server on the way cannot meet what the Expect field asks for."},
	{418, 9110, "15.5.19", "I'm a teapot", "A joke of an old April that software came to rely on. It is reserved and has no meaning of its own."},
	{421, 9110, "15.5.20", "Misdirected Request", "The request reached a server that does not answer for this scheme and host. It may be sent again over another connection."},
	{422, 9110, "15.5.21", "Unprocessable Entity", "The format and the syntax of the content are right, but the instructions in it cannot be carried out."},
	{423, 4918, "11.3", "Locked", "The resource that the method reads or writes is locked."},
	{424, 4918, "11.4", "Failed Dependency", "The action was not carried out because one that it relies on had failed."},
	{425, 8470, "5.2", "Too Early", "The server does not process this request in early data, which could be a replay. Send it again after the handshake."},
	{426, 9110, "15.5.22", "Upgrade Required", "The server refuses the request over this protocol. Switch to one that the Upgrade field lists and send it again."},
	{428, 6585, "3", "Precondition Required", "The server accepts only conditional requests here. Send it again with a condition such as If-Match."},
	{429, 6585, "4", "Too Many Requests", "The client sent more requests than it may for now. Wait before sending the next one."},
	{431, 6585, "5", "Request Header Fields Too Large", "The header of the request, or one field of it, is larger than the server accepts. Make it smaller and send it again."},
	{451, 7725, "3", "Unavailable For Legal Reasons", "The server withholds the resource because of a legal demand."},

	{500, 9110, "15.6.1", "Internal Server Error", "The server met a condition it did not expect and could not fulfil the request."},
	{501, 9110, "15.6.2", "Not Implemented", "The server does not have the function that the request needs."},
	{502, 9110, "15.6.3", "Bad Gateway", "The server passed the request on to another server and received an invalid answer from it."},
	{503, 9110, "15.6.4", "Service Unavailable", "The server cannot handle requests at the moment because of overload or maintenance. Try again later."},
	{504, 9110, "15.6.5", "Gateway Timeout", "The server passed the request on to another server and received no answer from it in time."},
	{505, 9110, "15.6.6", "HTTP Version Not Supported", "The server does not speak the HTTP version of the request, or will not use it here."},
	{506, 2295, "8.1", "Variant Also Negotiates", "The variant that content negotiation chose negotiates again itself: the server is configured wrongly."},
	{507, 4918, "11.5", "Insufficient Storage", "The server has no room to store what it needs to complete the request."},
	{508, 5842, "7.2", "Loop Detected", "The server met an endless loop while it worked on a request of infinite depth, and gave the whole of it up."},
	{510, 2774, "7", "Not Extended", "The request lacks an extension that the policy for this resource demands."},
	{511, 6585, "6", "Network Authentication Required", "The client has to authenticate before it may use this network."},
}

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
