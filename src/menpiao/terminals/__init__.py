"""The terminals (终端): what stands at a lane or on a desk, without the centre's libraries."""
