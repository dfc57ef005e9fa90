// swift-tools-version:6.1
import PackageDescription

// The fuzzers: a package of their own, since all of it is built with the instruments of libFuzzer.
// Scripts/fuzz.sh gives the flags.
let package = Package(
    name: "immudb-fuzz",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "immudb", path: "..")],
    targets: [
        // The entry of libFuzzer, which comes with the toolchain.
        .systemLibrary(name: "CFuzzer", path: "Sources/CFuzzer"),
        .executableTarget(
            name: "fuzz",
            dependencies: ["CFuzzer", .product(name: "FuzzTargets", package: "immudb")],
            path: "Sources/fuzz",
            swiftSettings: [
                .swiftLanguageMode(.v6),
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("InternalImportsByDefault"),
                .enableUpcomingFeature("MemberImportVisibility"),
            ]),
    ],
    cxxLanguageStandard: .cxx17
)
