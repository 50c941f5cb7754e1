"""Trees as arrays, and trees from strangers checked before a library reads them."""
