;; Asks for a function that an interface of the contract does not have.
(component
  (import "tidegate:strategy/log@0.1.0" (instance (export "shell" (func (param "command" string)))))
  (core module $module (func (export "nothing")))
  (core instance $instance (instantiate $module))
  (func $nothing (canon lift (core func $instance "nothing")))
  (export "describe" (func $nothing))
  (export "schema" (func $nothing))
  (export "sync" (func $nothing))
  (export "migrate-state" (func $nothing)))
