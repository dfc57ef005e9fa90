/// What a read gives that stops before an entry which is too large for where it is made: on a
/// thread that others wait for, or without knowing that there is memory for it.
public enum Sized<Value: Sendable>: Sendable {
    case value(Value)
    /// Nothing of the entry was read. Its record has about that many bytes.
    case larger(byteCount: Int)
}
