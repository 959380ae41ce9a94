# What the app is bound to, as cf create-user-provided-service makes it.

service_instance "shop-db" {
  tags = ["postgres"]

  # The password is no secret, for there is no such database. A real one comes
  # from a variable (variable "db_password" { type = string, sensitive = true },
  # then ${var.db_password}), or stays in a Nomad Variable that only tasks read:
  # credentials_variable = "shop/db" in place of credentials.
  credentials = {
    uri = "postgres://shop:not-a-secret@db.example.com:5432/shop"
  }
}
