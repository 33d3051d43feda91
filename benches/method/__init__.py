"""The benchmark's method, one matter a file; `benches/run` is the way in."""
