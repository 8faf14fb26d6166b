;; Is a component that does nothing.
(component)
