"""ssllib"""
