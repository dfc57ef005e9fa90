#pragma once

namespace bridge {

/// Starts the thread of RocksDB's timer, once for the life of the process.
///
/// RocksDB starts it with the first database that is opened, and stops it with the last one that is
/// closed. When it cannot be started, it is broken: RocksDB counts it as running, and ends the
/// process when it waits for the end of a thread that does not run. Here it is started before any
/// database of the caller's, and never stopped.
///
/// - Throws: std::system_error when there is no thread to be had. RocksDB then believes for the
///   rest of the process that the timer runs, which does no harm: it would only flush the log, and
///   ours has nothing to flush.
void startTimer();

}  // namespace bridge
