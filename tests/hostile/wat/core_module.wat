;; Is no component.
(module $core)
