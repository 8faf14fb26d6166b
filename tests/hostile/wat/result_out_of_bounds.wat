;; Returns a manifest that lies beyond its memory.
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "describe") (result i32) (i32.const 0x7ffffff0))
  (func (export "schema") (param i32 i32) (result i32) unreachable)
  (func (export "sync") (param i32 i32 i32 i32 i32) (result i32) unreachable)
  (func (export "migrate-state") (param i32 i32 i32) (result i32) unreachable))
