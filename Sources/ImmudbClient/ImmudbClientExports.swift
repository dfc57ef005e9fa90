// Whoever imports the client has the types of verification with it, and the codes of statuses.

@_exported public import ImmudbVerification

@_exported public import struct RPCTransport.StatusCode
