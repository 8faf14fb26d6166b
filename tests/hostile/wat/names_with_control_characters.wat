;; Has functions whose names are control characters, and breaks off in one.
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "describe") (result i32) (call $"evil\1b[2J\0d\0aerror: all is well") unreachable)
  (func (export "schema") (param i32 i32) (result i32) unreachable)
  (func (export "sync") (param i32 i32 i32 i32 i32) (result i32) unreachable)
  (func (export "migrate-state") (param i32 i32 i32) (result i32) unreachable)
  (func $"evil\1b[2J\0d\0aerror: all is well" unreachable))
