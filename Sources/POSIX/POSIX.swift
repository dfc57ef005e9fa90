// What programs and libraries need of the operating system, once: files and the reasons of failures (with
// swift-system's types, which whoever imports this has with it), threads, queues between threads.

@_exported public import SystemPackage
