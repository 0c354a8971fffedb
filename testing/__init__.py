"""What tests and benchmarks share: a running application, pictures, stand-in weights."""
