"""What every folder uses: errors, the cache, files written all or none, the console, zstd. Imports no other folder."""
