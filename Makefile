.PHONY: check test fmt lint doc
check: test fmt lint doc
test:
	cargo test --workspace
fmt:
	cargo fmt --all --check
lint:
	cargo clippy --workspace --all-targets -- -D warnings
doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items
