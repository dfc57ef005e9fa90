// The parts of the operating system that programs and libraries need: files, errors, threads, and queues
// between threads. Importing this module also imports swift-system.

@_exported public import SystemPackage
