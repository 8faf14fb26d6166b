;; Asks for an interface that the contract does not have.
(component
  (import "tidegate:strategy/shell@0.1.0" (instance)))
