"""The folds: one module a projection, all of the form that `shape` describes; `catalog` lists them."""
