/**
 * How PostgreSQL starts inside PGlite: PGlite 0.5's own parameters without `-F`, which switches fsync off, and with a
 * smaller cache: 16 MiB hold the hot rows of a gateway, and what is not in it is in the kernel's.
 */
export function startParameters(durable: boolean): string[] {
  const settings = [
    'search_path=public',
    'exit_on_error=false',
    'log_checkpoints=false',
    'max_worker_processes=0',
    'max_parallel_workers=0',
    'max_parallel_workers_per_gather=0',
    'max_parallel_maintenance_workers=0',
    'io_method=sync',
    // fdatasync, the default, does nothing in PGlite's libc; fsync comes through.
    'wal_sync_method=fsync',
    `fsync=${durable ? 'on' : 'off'}`,
    'shared_buffers=16MB',
    'TimeZone=UTC',
  ];
  return ['--single', '-O', '-j', ...settings.flatMap((setting) => ['-c', setting])];
}
