;; Was built for an earlier contract.
(component
  (import "tidegate:strategy/log@0.0.9" (instance)))
