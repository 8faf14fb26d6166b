;; Was built for a later contract.
(component
  (import "tidegate:strategy/log@0.3.0" (instance)))
