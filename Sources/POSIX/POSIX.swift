// What programs and libraries need of the operating system: files, the reasons of failures, threads, and
// queues between threads. The types of swift-system come with this module.

@_exported public import SystemPackage
