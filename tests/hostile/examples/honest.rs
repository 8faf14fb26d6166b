//! No attack: the neighbour that must be served whatever the others do.

tidegate_hostile::attack! {}
