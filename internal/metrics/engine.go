package metrics

import "github.com/wbic16/sq-go/internal/disk"

var (
	directories     = gauge("open_directories", "Data directories that are open and locked.")
	phexts          = gauge("open_phexts", "Phexts that are open.")
	phextsLimit     = gauge("open_phexts_limit", "Phexts that may be open before those that are not in use are closed.")
	unreadable      = gauge("unreadable_phexts", "Open phexts that refuse writes, since the file is no phext or its journal is damaged.")
	memory          = gauge("phext_memory_bytes", "Memory that the open phexts take.")
	memoryLimit     = gauge("phext_memory_limit_bytes", "Memory that open phexts may take before those that are not in use are closed.")
	journal         = gauge("journal_bytes", "Bytes in the journals of open phexts: answered writes that are not in the file yet.")
	syncTime        = histogram("journal_sync_duration_seconds", "Time that a sync of a journal to its disk took.")
	groupSize       = histogram("journal_group_batches", "Batches that shared one sync of the journal.")
	checkpointTime  = histogram("checkpoint_duration_seconds", "Time that a checkpoint took that succeeded: a journal folded into its file.")
	checkpointCount = counter("checkpoints_total", "Checkpoints by result: success, interrupted (somebody edited the file; it is tried again), failure (it is tried again, and the journal stays).", "result")
	checkpointBytes = counter("checkpoint_bytes_total", "Bytes of the files that checkpoints wrote.")
	diskErrors      = counter("disk_errors_total", "Writes and syncs that failed. The phext refuses writes until the disk works again.")
	edits           = counter("foreign_edits_total", "Changes of a phext's file by others that were adopted.")
	damages         = counter("journal_damages_total", "Times that a journal was found damaged. Its phext refuses writes.")
)

func engineCollector(stats func() disk.Stats) collector {
	all := []metric{
		directories, phexts, phextsLimit, unreadable, memory, memoryLimit, journal, syncTime, groupSize,
		checkpointTime, checkpointCount, checkpointBytes, diskErrors, edits, damages,
	}
	return collector{all, func(to sink) {
		s := stats()
		send(to, directories, s.Directories)
		send(to, phexts, s.Phexts)
		send(to, phextsLimit, s.PhextsMost)
		send(to, unreadable, s.Unreadable)
		send(to, memory, s.Memory)
		send(to, memoryLimit, s.MemoryMost)
		send(to, journal, s.Journal)
		sendHistogram(to, syncTime, s.Syncs, seconds)
		sendHistogram(to, groupSize, s.Groups, 1)
		sendHistogram(to, checkpointTime, s.Checkpoints, seconds)
		send(to, checkpointCount, s.Checkpoints.Counts().All, "success")
		send(to, checkpointCount, s.Interrupted, "interrupted")
		send(to, checkpointCount, s.Failed, "failure")
		send(to, checkpointBytes, s.Folded)
		send(to, diskErrors, s.DiskErrors)
		send(to, edits, s.Edits)
		send(to, damages, s.Damages)
	}}
}
