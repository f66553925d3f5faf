"""Starting model servers, as a release would deploy them."""
