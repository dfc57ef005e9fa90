// The users of a server: who they are, how they prove it, and what they did.
//
// Read `Accounts.swift` first: what can be done. `Users/` has the registry on the system's database,
// `Passwords/` the rule, the hash and the thread that hashes, `Tokens/` what a login gives and every
// call presents, `Audit/` the entries about acts of administration. Nothing here knows the wire.

@_exported public import ImmudbModel
@_exported public import ImmudbStore
