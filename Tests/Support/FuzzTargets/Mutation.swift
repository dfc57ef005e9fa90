import SimulatedDisk
public import TestTools

/// Changes an input a little, as a fuzzer without knowledge of the code would, for tests that run a
/// few seconds. The result depends only on the seed.
public func mutated(_ bytes: [UInt8], using random: inout SplitMix64) -> [UInt8] {
    var bytes = bytes
    for _ in 0...random.next(below: 4) {
        let place = random.next(below: bytes.count + 1)
        switch random.next(below: 6) {
        case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8(random.next(below: 8))
        case 1 where place < bytes.count:
            bytes[place] = [0, 1, 0x7f, 0x80, 0xff][random.next(below: 5)]
        case 2: bytes.insert(UInt8(random.next(below: 256)), at: place)
        case 3:
            let end = min(bytes.count, place + 1 + random.next(below: 16))
            bytes.removeSubrange(place..<end)
        case 4:
            let end = min(bytes.count, place + 1 + random.next(below: 64))
            bytes.insert(contentsOf: bytes[place..<end], at: random.next(below: bytes.count + 1))
        default:
            bytes.append(UInt8(random.next(below: 256)))
        }
    }
    return bytes
}
