//! Memory: catalogue, audio blobs, vector search, job table.
