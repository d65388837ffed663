// Swagger UI over our own description; nothing is asked of other hosts.

const place = document.getElementById("swagger-ui");

/** Fields start empty or with their default: invented values, such as "string", would be sent. */
function withoutInventions(description) {
  for (const { properties = {} } of Object.values(description.components.schemas)) {
    for (const field of Object.values(properties)) {
      if (!("default" in field)) field.example = field.type === "array" ? [] : "";
    }
  }
  return description;
}

/** Fields that nobody filled in are not sent. */
function withoutEmpty(request) {
  if (request.body instanceof FormData) {
    for (const [name, value] of [...request.body]) if (value === "") request.body.delete(name);
  }
  return request;
}

const answer = await fetch(place.dataset.description);
window.SwaggerUIBundle({
  spec: withoutInventions(await answer.json()),
  domNode: place,
  requestInterceptor: withoutEmpty,
  deepLinking: true,
  validatorUrl: null,
});
