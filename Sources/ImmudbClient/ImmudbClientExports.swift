// Importing ImmudbClient also imports the types of ImmudbVerification and `StatusCode`.

@_exported public import ImmudbVerification

@_exported public import struct RPCTransport.StatusCode
