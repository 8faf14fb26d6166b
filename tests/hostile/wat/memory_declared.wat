;; Declares more memory than it may have.
(module
  (memory (export "memory") 1000)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "describe") (result i32) (i32.const 16))
  (func (export "schema") (param i32 i32) (result i32) unreachable)
  (func (export "sync") (param i32 i32 i32 i32 i32) (result i32) unreachable)
  (func (export "migrate-state") (param i32 i32 i32) (result i32) unreachable))
