;; Exports what a strategy exports, with other types.
(component
  (core module $module (func (export "nothing")))
  (core instance $instance (instantiate $module))
  (func $nothing (canon lift (core func $instance "nothing")))
  (export "describe" (func $nothing))
  (export "schema" (func $nothing))
  (export "sync" (func $nothing))
  (export "migrate-state" (func $nothing)))
