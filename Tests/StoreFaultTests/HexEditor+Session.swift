import HexEditor
import SimulatedDisk

extension HexEditor where Disk == SimulatedDisk {
    /// Edits the database of a ``StoreSession``.
    init(_ disk: SimulatedDisk) { self.init(disk, path: StoreSession.path) }
}
